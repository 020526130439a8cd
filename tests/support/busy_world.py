"""A world in which everything that can be under way is under way."""

from clients import FOREVER, Json

RULES: Json = {
    "faults": [
        {"operation": "getTaskInstance", "taskInstanceId": 1, "skip": 1, "times": 2, "error": {"status": 503}},
        {"operation": "listTaskInstances", "probability": 0.4, "error": {"status": 500, "message": "dice"}},
    ],
    "denials": [{"permission": "TASK_MANAGER", "taskInstanceId": 2, "times": 3}],
}


BUSY: Json = {
    "auth": "open",
    "users": {"operator": {"password": "0123", "permissions": ["TASK_MANAGER"]}, "guest": {"password": "guest"}},
    "clock": {"mode": "manual", "now": "2021-08-25T15:10:13.121+05:30"},
    "server": "on",
    "seed": 2**64 - 1,
    "scheduler": {"dispatch": "250ms", "run": "1.5s", "concurrency": 2},
    **RULES,
    "tasks": [
        {
            "id": 1000,
            "name": 'Ünïcode "quoted"\n',
            "cluster": {"id": 1, "name": "ob", "obClusterId": 2, "type": "PRIMARY"},
            "subtasks": [
                {"id": 10000, "status": "SUCCESSFUL", "log": "done", "context": {"a": [1, 2.5, None, {"b": "no"}]}},
                {
                    "id": 10001,
                    "status": "FAILED",
                    "upstreams": [10000],
                    "runs": [{"outcome": "FAILED", "duration": "4s", "log": "one"}, {"duration": 0.5, "log": "two"}],
                },
                {"id": 10002, "upstreams": [10001], "retryCount": 2, "runs": [{"outcome": "FAILED"}, {}]},
            ],
        },
        {
            "id": 1,
            "operation": "ROLLBACK",
            "subtasks": [{"id": 1, "status": "SUCCESSFUL"}, {"id": 2, "upstreams": [1]}],
        },
        {"id": 2, "subtasks": [{"id": 1, **FOREVER}, {"id": 3, "status": "CANCELING", "log": "half"}]},
        {"id": 3, "subtasks": [{"id": id, "runs": [{"duration": 3, "log": "x"}]} for id in range(1, 7)]},
        {"id": 2**63 - 1, "hostId": -(2**63), "type": "SCHEDULED"},
    ],
}
