"""/__admin: the table of control routes, and the straight line of a call.

JSON in, JSON out, proven like the API's; a refusal changes nothing.
"""

import errno
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

from aiohttp import hdrs, web

from mockserver import __version__
from mockserver.admin import clock, document, exchange, fixtures, guard, journal, rules, snapshots, state, static, tasks
from mockserver.admin.account import counts, expectations
from mockserver.admin.calls import JSON_TYPE, MANY, ControlRoute, Later
from mockserver.admin.events import feed, listeners
from mockserver.contract.bundles import schema_files
from mockserver.contract.errors import ApiError, Unprocessable, Violation, bare
from mockserver.contract.schemas import contract
from mockserver.server import responses
from mockserver.server.front.buffered import Buffered
from mockserver.server.routing import WORLD, WORLD_HEADER
from mockserver.world.account import VALID, VIOLATION
from mockserver.world.live import TooManyEvents
from mockserver.world.turns import in_thread
from mockserver.world.worlds import Site

log = logging.getLogger("mockserver")


async def get_document(site: Site, request: web.Request) -> object:
    token = site.options.admin_token is not None
    return document.document(ROUTES, version=__version__, token=token, schemas=schema_files())


To = ControlRoute
TASK: Final = "/__admin/tasks/{taskInstanceId}"
ROUTES: Final[dict[str, dict[str, ControlRoute]]] = {
    "/__admin/health": {"GET": To(state.health, "Whether it serves", "health", looks=True)},
    "/__admin/reset": {"POST": To(state.reset, "Start again from the fixture", "health", edits=True)},
    "/__admin/reset/undo": {
        "POST": To(state.undo_reset, "As it was before the reset", "health", refusals=(409,), edits=True)
    },
    "/__admin/fixtures": {"GET": To(fixtures.get_fixtures, "The fixtures that can be loaded", "loadable-list")},
    "/__admin/fixtures/{name}/load": {
        "POST": To(
            fixtures.load_fixture, "Another world in its place", "health", "fixture", refusals=(409,), edits=True
        )
    },
    "/__admin/fixtures/reload": {"POST": To(state.reload_fixtures, "Read the files again", "health", refusals=(422,))},
    "/__admin/state": {
        "GET": To(state.get_state, "The whole world", "fixture"),
        "PUT": To(state.put_state, "Another world in its place", "fixture", "fixture", refusals=(409,), edits=True),
    },
    "/__admin/tasks": {"GET": To(tasks.get_tasks, "The tasks in short", "task-list", query=("name", "limit"))},
    TASK: {
        "GET": To(tasks.get_task, "One task", "fixture-task"),
        "PATCH": To(
            tasks.patch_task, "Set fields of a task", "fixture-task", "task-patch", refusals=(409,), edits=True
        ),
    },
    TASK + "/subtasks/{subtaskInstanceId}": {
        "GET": To(tasks.get_subtask, "One subtask", "fixture-subtask"),
        "PATCH": To(
            tasks.patch_subtask,
            "Set fields of a subtask",
            "fixture-subtask",
            "subtask-patch",
            refusals=(409,),
            edits=True,
        ),
    },
    "/__admin/settings": {
        "GET": To(state.get_settings, "The settings", "settings-reply"),
        "PUT": To(state.put_settings, "Change settings", "settings-reply", "settings", edits=True),
    },
    "/__admin/snapshots": {
        "GET": To(snapshots.get_snapshots, "The snapshots", "snapshot-list"),
        "POST": To(snapshots.post_snapshot, "Take a snapshot", "snapshot-reply", "snapshot", 201),
    },
    "/__admin/snapshots/{name}": {"DELETE": To(snapshots.delete_snapshot, "Remove a snapshot")},
    "/__admin/snapshots/{name}/restore": {
        "POST": To(snapshots.restore_snapshot, "Restore a snapshot", "snapshot-reply", edits=True)
    },
    "/__admin/clock": {
        "GET": To(clock.get_clock, "What time it is", "clock-reply"),
        "PUT": To(clock.put_clock, "Set the clock", "clock-reply", "clock", refusals=(409,)),
    },
    "/__admin/clock/advance": {
        "POST": To(clock.advance, "Let time pass", "advance-reply", "advance", refusals=(404, 409))
    },
    "/__admin/faults": {
        "GET": To(rules.get_faults, "The faults", "fault-list"),
        "POST": To(rules.post_fault, "Add a fault", "fault", "fault", 201),
        "DELETE": To(rules.delete_faults, "Remove all faults"),
    },
    "/__admin/faults/{id}": {
        "GET": To(rules.get_fault, "One fault", "fault"),
        "DELETE": To(rules.delete_fault, "Remove a fault"),
    },
    "/__admin/denials": {
        "GET": To(rules.get_denials, "The denials", "denial-list"),
        "POST": To(rules.post_denial, "Take a permission away", "denial", "denial", 201),
        "DELETE": To(rules.delete_denials, "Give all permissions back"),
    },
    "/__admin/denials/{id}": {
        "GET": To(rules.get_denial, "One denial", "denial"),
        "DELETE": To(rules.delete_denial, "Give a permission back"),
    },
    "/__admin/stubs": {
        "GET": To(rules.get_stubs, "The stubs", "stub-list"),
        "POST": To(rules.post_stubs, "Add stubs", "stubs-added", "stubs-given", 201, edits=True),
        "DELETE": To(rules.delete_stubs, "Remove all stubs", edits=True),
    },
    "/__admin/stubs/{id}": {
        "GET": To(rules.get_stub, "One stub", "stub"),
        "DELETE": To(rules.delete_stub, "Remove a stub", edits=True),
    },
    "/__admin/users": {"GET": To(rules.get_users, "The users", "user-list")},
    "/__admin/permissions": {"GET": To(rules.get_permissions, "Who may do what", "permission-list", refusals=(422,))},
    "/__admin/requests": {
        "GET": To(journal.get_requests, "The journal of requests", "request-list", query=journal.REQUEST_FILTERS),
        "DELETE": To(journal.delete_requests, "Empty the journal", edits=True),
    },
    "/__admin/requests/{id}": {"GET": To(exchange.get_request, "One request", "request-detail")},
    "/__admin/requests/{id}/copies": {"GET": To(exchange.get_request_copies, "Its copies", "request-copies")},
    "/__admin/history": {
        "GET": To(journal.get_history, "The history of changes", "history", query=journal.CHANGE_FILTERS)
    },
    "/__admin/events": {
        "GET": To(listeners.get_events, "What happens, as it happens", "event-stream", events=feed.EVENTS)
    },
    "/__admin/worlds": {"GET": To(state.get_worlds, "The named worlds", "world-list")},
    "/__admin/worlds/{name}": {"DELETE": To(state.delete_world, "Forget a named world")},
    "/__admin/contract": {
        "GET": To(counts.get_contract, "The account of every reply", "contract-account", query=("worlds",), looks=True),
        "DELETE": To(counts.delete_contract, "Set the account to zero", query=("worlds",)),
    },
    "/__admin/contract/client-errors": {
        "GET": To(
            counts.get_client_errors, "What left the contract", "client-error-list", query=("worlds",), looks=True
        )
    },
    "/__admin/contract/expectations": {
        "GET": To(expectations.get_expectations, "The expectations", "expectation-list", query=("worlds",), looks=True),
        "POST": To(expectations.post_expectation, "Expect client errors", "expectation", "expectation", 201),
        "DELETE": To(expectations.delete_expectations, "Expect none any more", query=("worlds",)),
    },
    "/__admin/contract/expectations/{id}": {
        "GET": To(expectations.get_expectation, "One expectation", "expectation"),
        "DELETE": To(expectations.delete_expectation, "Remove an expectation"),
    },
    "/__admin/openapi.json": {"GET": To(get_document, "This document", "openapi-document", looks=True)},
}
PAGES: Final[dict[str, dict[str, ControlRoute]]] = {
    "/__admin": {"GET": To(static.get_page_folder, "The page's other address", looks=True)},
    "/__admin/": {"GET": To(static.get_page, "The page", looks=True)},
    "/__admin/page/{file:.+}": {"GET": To(static.get_page_file, "A file of the page", looks=True)},
}
"""What a browser loads before it can send a token. Not in the document."""
PAGE: Final = {methods["GET"].handler for methods in PAGES.values()}
TOO_MANY_FILES: Final = frozenset({errno.EMFILE, errno.ENFILE})
SAFE: Final = frozenset({hdrs.METH_GET, hdrs.METH_HEAD})


def add_routes(app: web.Application, site: Site) -> None:
    """Every route twice: of the world without a name, and of the one that the path names. `site` is the former."""
    listening = app[listeners.LISTENING] = listeners.Listening()
    app.on_shutdown.append(listening.end)
    for base in ("", WORLD):
        for path, methods in {**ROUTES, **PAGES}.items():
            resource = app.router.add_resource(base + path)
            others = {"*": ControlRoute(partial(refuse_method, ", ".join(methods)), "", looks=True)}
            head = {"HEAD": methods["GET"]} if "GET" in methods else {}
            for method, route in {**methods, **head, **others}.items():
                resource.add_route(method, partial(answer, site, route))
        rest = ControlRoute(refuse_route, "", looks=True)
        app.router.add_route("*", base + "/__admin/{path:.*}", partial(answer, site, rest))


async def refuse_method(names: str, site: Site, request: web.Request) -> object:
    raise Unprocessable(f"{request.method} is not allowed here, only {names}", status=405, headers={hdrs.ALLOW: names})


async def refuse_route(site: Site, request: web.Request) -> object:
    raise Unprocessable(f"no control route {request.path}: there are {', '.join(ROUTES)}", status=404)


@contextmanager
def named_world(site: Site, route: ControlRoute, request: web.Request) -> Iterator[Site]:
    """The world that a call names, kept for as long as that lasts. A call that is refused has made none."""
    worlds, name = site.worlds, request.match_info.get("world", request.headers.get(WORLD_HEADER))
    if name is None:
        yield site
        return
    try:
        site = worlds.look(name) if route.looks else worlds.made(name)
    except ValueError as error:
        raise Unprocessable(f"{WORLD_HEADER}: {error}", status=400) from None
    site.calls, is_refused = site.calls + 1, True
    try:
        yield site
        is_refused = False
        worlds.make_room(site)
    finally:
        site.calls -= 1
        if is_refused:
            worlds.unmake(site)


async def answer(site: Site, route: ControlRoute, request: web.Request) -> web.StreamResponse:
    site.worlds.settle()
    found: list[bytes] | Violation | None = None
    try:
        if route.handler is not state.health:
            buffered = request.app[responses.BUFFERED]
            if buffered.is_full:
                raise responses.too_much(buffered)
            guard.check(site.options, request, is_public=route.handler in PAGE)
        with named_world(site, route, request) as site:
            body = await route.handler(site, request)
            if request.method not in SAFE:
                site.served.live.touched = True
        if isinstance(body, web.StreamResponse):
            return body
        if route.edits:
            site.served.edited(f"{request.method} {''.join(request.path.rpartition('/__admin/')[1:])}")
        status, schema = 204 if route.reply is None else route.status, route.reply
        if isinstance(body, Later):
            limit = request.app[responses.BUFFERED] if request.method in SAFE else None
            found = await in_thread(partial(made, body, schema, limit))
        refusal = None
    except Unprocessable as error:
        refusal = bare(error)
    except TooManyEvents as error:
        refusal = Unprocessable(f"the world cannot go on: {error}")
    except ApiError as error:  # of a body that is too large, too slow, or too much
        refusal = Unprocessable(error.message, status=error.row.status)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in TOO_MANY_FILES:
            refusal = Unprocessable(f"a file cannot be read now ({error.strerror}): nothing was changed", status=503)
        else:
            log.exception("answering %s %s", request.method, request.rel_url)
            refusal = Unprocessable(f"the mock server failed: {type(error).__name__}: {error}", status=500)
    headers: dict[str, str] = {}
    if refusal is not None:
        status, schema, refused = refusal.status, "control-error", refusal
        headers.update(refusal.headers)
        if len(refusal.problems) > MANY:
            found = await in_thread(lambda: proven("control-error", error_json(refused)))
        else:
            body = error_json(refusal)
    verdict = VALID
    content = proven(schema, body) if found is None else found
    if isinstance(content, Violation):
        log.error("contract violation: %s", content)
        site.account.violations += 1
        status, verdict = 500, VIOLATION
        failure = Unprocessable(f"contract violation, a bug of the mock server: {content}")
        content = [json.dumps(error_json(failure)).encode()]
    headers[responses.CONTRACT] = verdict
    if status != 204:
        headers[hdrs.CONTENT_TYPE] = JSON_TYPE
    response = responses.response(status, content, headers)
    if status in (408, 413, 503):
        response.force_close()
    return response


def made(later: Later, schema: str | None, buffered: Buffered | None) -> list[bytes] | Violation:
    """Raises ApiError, if too much is in memory by then: many can wait for their turn, and then for their readers."""
    if buffered is not None and buffered.is_full:
        raise responses.too_much(buffered)
    return proven(schema, later.make())


def proven(schema: str | None, body: object) -> list[bytes] | Violation:
    """The body of an answer, a long one in parts. What breaks its schema is our bug. Half of a surrogate pair is a
    question mark."""
    try:
        texts = [""] if schema is None else contract().checker(schema).prove_in_parts(body)
        return [text.encode("utf-8", "replace") for text in texts]
    except Violation as violation:
        return violation


def error_json(error: Unprocessable) -> dict[str, object]:
    details = [{"path": problem.json_path, "message": problem.message} for problem in error.problems]
    return {"error": {"message": error.message, "details": details}}
