"""The table of fields is the truth: schemas, answers, values and handles have exactly the fields that it says."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.request import urlopen

import pytest
from variants import VARIANTS

from mockserver import MockServer
from mockserver.contract.bundles import OBJECTS, bundle, schema_files
from mockserver.contract.dialects import DEFAULT_VARIANT, FIELD_NAMES, NULLS, Variant
from mockserver.contract.fields import DERIVED, SUBTASK, TASK, Field, never_null
from mockserver.tasks.values import Subtask, SubtaskDefinition, Task, TaskDefinition
from mockserver.testing import tasks as handles
from mockserver.testing.naming import camel

TABLES: Final = {"task": TASK, "subtask": SUBTASK}


def every_spelling(field: Field) -> set[str]:
    return {field.name, *field.spellings.values()}


def of_file(table: Mapping[str, Field]) -> set[str]:
    return {name for field in table.values() for name in every_spelling(field)}


def of_answer(table: Mapping[str, Field], variant: Variant = DEFAULT_VARIANT) -> set[str]:
    return {field.spelled(variant) or "" for field in table.values() if field.scope != "file"} - {""}


def of_list(table: Mapping[str, Field]) -> set[str]:
    return {field.name for field in table.values() if field.scope == "list"}


ELSEWHERE: Final = {"clusterId", "tenantId", "tenantInfo", "context"}
"""Of TaskInstance (document) and of OCP Express (engine): a file may have them, too."""
SCHEMAS: Final[dict[str, Callable[[], set[str]]]] = {
    "subtask-instance": lambda: of_answer(SUBTASK),
    "wrapped-task-instance": lambda: of_answer(TASK),
    "basic-subtask-instance": lambda: of_list(SUBTASK),
    "basic-task-instance": lambda: of_list(TASK),
    "fixture-subtask": lambda: of_file(SUBTASK),
    "fixture-task": lambda: of_file(TASK) | ELSEWHERE,
    "subtask-patch": lambda: of_file(SUBTASK),
    "task-patch": lambda: of_file(TASK),
}


@pytest.mark.parametrize("schema", SCHEMAS)
def test_a_schema_has_exactly_the_fields_of_the_table(schema: str) -> None:
    assert set(schema_files()[schema]["properties"]) == SCHEMAS[schema]()


@pytest.mark.parametrize(("schema", "table"), [("subtask-instance", SUBTASK), ("wrapped-task-instance", TASK)])
def test_what_an_answer_always_has_is_never_null(schema: str, table: Mapping[str, Field]) -> None:
    always = schema_files()[schema]["required"]
    assert never_null(table) == {name for key in always for name in every_spelling(table[key])}


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("schema", OBJECTS)
def test_an_answer_has_exactly_the_fields_of_the_table_and_always_those_that_are_known(
    schema: str, variant: Variant
) -> None:
    table = OBJECTS[schema]
    scopes = ("list",) if schema.startswith("basic") else ("list", "task")
    fields = [field for field in table.values() if field.scope in scopes]
    made = bundle(variant, schema_files())[schema]
    assert set(made["properties"]) == {name for field in fields if (name := field.spelled(variant))}
    always = [field for field in fields if not field.optional or variant.nulls == "null"]
    assert set(made["required"]) == {name for field in always if (name := field.spelled(variant))}


@pytest.mark.parametrize("name", TABLES)
def test_a_default_is_documented_in_the_schema_as_the_table_has_it(name: str) -> None:
    said = {
        key: part["default"]
        for key, part in schema_files()[f"fixture-{name}"]["properties"].items()
        if "default" in part
    }
    assert said  # and what is nullable, and null by default, need not be said
    table = {
        key: list(field.default) if isinstance(field.default, tuple) else field.default
        for key, field in TABLES[name].items()
        if field.default is not DERIVED and (field.default is not None or key in said)
    }
    assert said == table


@pytest.mark.parametrize(
    ("table", "value", "definition"), [(SUBTASK, Subtask, SubtaskDefinition), (TASK, Task, TaskDefinition)]
)
def test_a_value_has_exactly_the_attributes_of_the_table(table: Any, value: Any, definition: Any) -> None:
    """A field that a transition changes is the value's own, and no other is."""
    held = [field for field in table.values() if field.attribute is not None]
    own = {field.attribute for field in held if field.changes}
    assert own == set(value.__dataclass_fields__) - {"definition", "coming"}
    assert {field.attribute for field in held if not field.changes} == set(definition.__dataclass_fields__)


@pytest.mark.parametrize(("table", "handle"), [(SUBTASK, handles.SubtaskHandle), (TASK, handles.TaskHandle)])
def test_a_handle_has_an_attribute_for_every_field(table: Mapping[str, Field], handle: type) -> None:
    assert {camel(name) for name in dir(handle)} >= set(table) - {"id"}


WORLD: Final[dict[str, Any]] = {
    "clock": {"mode": "manual", "now": "2021-08-25T15:10:13.000+08:00"},
    "tasks": [
        {
            "id": 1,
            "name": "name of the task",
            "taskDefinitionId": 2,
            "type": "SCHEDULED",
            "creator": {"id": 3, "name": "creator"},
            "cluster": {"id": 4, "name": "cluster", "obClusterId": 5, "type": "PRIMARY"},
            "tenant": {"id": 6, "name": "tenant", "obTenantId": 8, "mode": "ORACLE"},
            "hostId": 7,
            "executor": "executor of the task",
            "createTime": "2021-08-25T15:00:00+08:00",
            "startTime": "2021-08-25T15:00:01+08:00",
            "finishTime": "2021-08-25T15:00:09+08:00",
            "operation": "RETRY",
            "prohibitRollback": True,
            "subtasks": [
                {"id": 11, "status": "SUCCESSFUL"},
                {
                    "id": 12,
                    "name": "name of the subtask",
                    "seriesId": 13,
                    "description": "description",
                    "className": "class",
                    "timeout": 14,
                    "status": "FAILED",
                    "operation": "RETRY",
                    "executor": "executor of the subtask",
                    "runTime": 15,
                    "context": {"a": "b"},
                    "createTime": "2021-08-25T15:00:00.001+08:00",
                    "startTime": "2021-08-25T15:00:02+08:00",
                    "finishTime": "2021-08-25T15:00:08+08:00",
                    "nodeType": "PYTHON_TASK",
                    "parallelIdx": 16,
                    "upstreams": [11],
                    "prohibitRollback": True,
                },
                {"id": 17, "upstreams": [12]},
            ],
        }
    ],
}


@pytest.mark.parametrize("nulls", NULLS)
@pytest.mark.parametrize("field_names", FIELD_NAMES)
def test_an_answer_says_of_each_field_what_the_state_says(field_names: Any, nulls: Any) -> None:
    """Under the table's names, and without what is not known unless it says null."""
    with MockServer(WORLD, field_names=field_names, nulls=nulls) as mock:
        (task,) = mock.state()["tasks"]
        with urlopen(f"{mock.api_url}/tasks/instances/1") as answered:
            answer = json.load(answered)["data"]
    variant = Variant(nulls=nulls, field_names=field_names)

    def told(table: Mapping[str, Field], state: Mapping[str, Any]) -> dict[str, Any]:
        fields = [field for field in table.values() if field.scope != "file" and field.name != "subtasks"]
        known = {field.spelled(variant) or "": state[field.name] for field in fields}
        return {key: value for key, value in known.items() if value is not None or nulls == "null"}

    assert {key: value for key, value in answer.items() if key != "subtasks"} == told(TASK, task)
    for one, stands in zip(answer["subtasks"], task["subtasks"], strict=True):
        assert one == told(SUBTASK, stands)
    said = WORLD["tasks"][0]["subtasks"][1]
    assert {key: task["subtasks"][1][key] for key in said} == said
