"""The dialects of the API: all that its documents' versions, and the open-source engine, say differently. A row each.

Nothing else asks which dialect it is: wire, schemas, rules and OpenAPI read these columns. A fourth is a row more.
Sources: *document* for the codes of the first two (the reference of V4.2.2; that of V3.1.1 to V4.2.1), *engine* for
what OCP Express sends; where the engine names no code, its row has the nearest that it does name: ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, get_args

DialectName = Literal["ocp-4.2.2", "ocp-4.2.1", "ocp-express"]
Nulls = Literal["absent", "null"]
FieldNames = Literal["sample", "table"]
Code = int | str
Failure = Literal[
    "bad parameter",
    "cannot sort",
    "broken body",
    "large body",
    "slow body",
    "no credentials",
    "bad credentials",
    "no permission",
    "no route",
    "wrong method",
    "not found",
    "not allowed",
    "cannot skip",
    "rollback prohibited",
    "throttled",
    "unexpected",
]
"""What an error code can mean."""
SAFE: Final = 2**53 - 1
"""The largest Long that a browser's JSON.parse keeps exactly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    stands_for: str
    prefix: str
    """Where its API is, unless a server is asked for other prefixes."""
    codes: Mapping[Failure, Code]
    has_text_codes: bool = False
    """Whether `error.code` is a string in JSON. That of a throttle is the number 0 everywhere (document's sample)."""
    takes_signed: bool = True
    """Whether requests can be signed by an access key."""
    counts_retry: bool = True
    """Whether retrySubtask adds 1 to runTime."""
    has_text_longs: bool = False
    """Whether a Long past SAFE is a string of digits in JSON."""
    without_data: frozenset[str] = frozenset()
    """The operations whose success has no data, though the first document gives them some."""
    fields: Mapping[str, str | None] = field(default_factory=dict)
    """What it calls fields of tasks and subtasks that the first document names otherwise; None: it has none of it."""
    references: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The keys of a creator, cluster or tenant, where it has not all of them."""

    def code(self, failure: Failure, given: Code | None = None) -> Code:
        """The error code as its JSON has it. `given` is one that a fault asks for: where codes are text a number is
        written as digits, and a word where they are numbers gives way to the failure's own."""
        if given is None or (isinstance(given, str) and not self.has_text_codes):
            return self.codes[failure]
        return str(given) if self.has_text_codes and given != 0 else given


DIALECTS: Final[Mapping[str, Dialect]] = {
    "ocp-4.2.2": Dialect(
        stands_for="OCP V4.2.2",
        prefix="/api/v2",
        has_text_codes=True,
        codes={
            "bad parameter": "COM10001",
            "cannot sort": "COM10011",
            "broken body": "COM10003",
            "large body": "COM10003",
            "slow body": "COM10004",
            "no credentials": "IAM10000",
            "bad credentials": "IAM10004",
            "no permission": "IAM11000",
            "no route": "COM10002",
            "wrong method": "COM10008",
            "not found": "TSK10001",
            "not allowed": "TSK10007",
            "cannot skip": "TSK10010",
            "rollback prohibited": "TSK10009",
            "throttled": 0,
            "unexpected": "COM10999",
        },
    ),
    "ocp-4.2.1": Dialect(
        stands_for="OCP V3.1.1 to V4.2.1",
        prefix="/api/v2",
        codes={
            "bad parameter": 1001,
            "cannot sort": 1011,
            "broken body": 1003,
            "large body": 1003,
            "slow body": 1004,
            "no credentials": 3000,
            "bad credentials": 3004,
            "no permission": 3100,
            "no route": 1002,
            "wrong method": 1008,
            "not found": 4001,
            "not allowed": 4007,
            "cannot skip": 4010,
            "rollback prohibited": 4009,
            "throttled": 0,
            "unexpected": 1999,
        },
    ),
    "ocp-express": Dialect(
        stands_for="OCP Express, the open-source engine",
        prefix="/api/v1",
        takes_signed=False,
        counts_retry=False,
        has_text_longs=True,
        without_data=frozenset({"rollbackTask"}),
        fields={"cluster": None, "className": None, "context": None, "tenant": "tenantInfo"},
        references={"creator": ("name",), "tenant": ("obTenantId", "name")},
        codes={
            "bad parameter": 10001,
            "cannot sort": 10001,
            "broken body": 10001,
            "large body": 10001,
            "slow body": 10010,
            "no credentials": 30000,
            "bad credentials": 30004,
            "no permission": 30014,
            "no route": 10002,
            "wrong method": 10001,
            "not found": 20000,
            "not allowed": 20003,
            "cannot skip": 20003,
            "rollback prohibited": 20004,
            "throttled": 0,
            "unexpected": 10010,
        },
    ),
}
DEFAULT: Final[DialectName] = "ocp-4.2.2"
DIALECT_NAMES: Final[tuple[DialectName, ...]] = get_args(DialectName)
NULLS: Final[tuple[Nulls, ...]] = get_args(Nulls)
FIELD_NAMES: Final[tuple[FieldNames, ...]] = get_args(FieldNames)


class Variant(NamedTuple):
    """One way to write the API's JSON: what schemas, wire and OpenAPI document depend on."""

    dialect: DialectName = DEFAULT
    nulls: Nulls = "absent"
    """Whether what is not known is left out or null."""
    field_names: FieldNames = "sample"
    """Which of the seed's two spellings."""

    @property
    def row(self) -> Dialect:
        return DIALECTS[self.dialect]


DEFAULT_VARIANT: Final = Variant()
