"""Every way to write the API's JSON: dialect x nulls x spelling."""

from itertools import product
from typing import Final, get_args

from mockserver.contract.dialects import FIELD_NAMES, NULLS, DialectName, Variant

DIALECT_NAMES: Final[tuple[DialectName, ...]] = get_args(DialectName)
VARIANTS: Final = {"-".join(one): Variant(*one) for one in product(DIALECT_NAMES, NULLS, FIELD_NAMES)}
