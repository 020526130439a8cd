"""create_app(): the API and /__admin on one aiohttp application."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import lru_cache, partial

from aiohttp import hdrs, web

from mockserver import __version__
from mockserver.admin import routes
from mockserver.contract import openapi
from mockserver.contract.bundles import Json, schema_files
from mockserver.contract.dialects import DIALECTS, Variant
from mockserver.fixtures.source import Source
from mockserver.fixtures.watch import Files
from mockserver.server import cors
from mockserver.server.answer import routed
from mockserver.server.elsewhere.foreign import normal_origin
from mockserver.server.elsewhere.forwarding import FORWARDING, Forwarding
from mockserver.server.elsewhere.upstream import upstream_of
from mockserver.server.front.buffered import Buffered
from mockserver.server.reloading import Reloader
from mockserver.server.responses import BUFFERED
from mockserver.server.routing import SITE, WORLD, ApiResource, in_world
from mockserver.world.fixture import Auth, Fixture
from mockserver.world.worlds import Options, Site, Worlds

Handler = Callable[[Site, web.Request], Awaitable[web.StreamResponse]]


def create_app(
    source: Source | Fixture = None,
    *,
    api_prefixes: Sequence[str] | None = None,
    overrides: Mapping[str, object] | None = None,
    admin: bool = True,
    admin_token: str | None = None,
    allowed_hosts: Sequence[str] = (),
    allowed_origins: Sequence[str] = (),
    forward: str | None = None,
    forward_paths: Sequence[str] = (),
    forward_ca: str | None = None,
    forward_insecure: bool = False,
) -> web.Application:
    """An aiohttp application that serves one fixture: for aiohttp's own test tools, and for embedding.

    `source` is a fixture: a path, several, the name of a shipped one, a mapping in the form of a fixture file, or None
    for the built-in world.
    Without `api_prefixes` the API is under the prefix of the fixture's dialect, and a world of another dialect under
    that one's too.
    `overrides` are keys of a fixture that win over it, such as `{"clock": {"mode": "manual"}, "seed": 7}`.
    `allowed_hosts` and `allowed_origins` are those of which `/__admin` takes calls beside its own: behind a proxy.
    `forward` is the origin of a system, such as `https://ocp.test:8443`, that answers what is not the task API's, nor
    a stub's: all of it, or what is at `forward_paths`, globs. Its certificate is checked, also by that of `forward_ca`,
    a file in PEM, unless `forward_insecure`.
    Raises FixtureError, with every mistake in the fixture, and ValueError for a prefix, an origin or a file that is
    none.
    Two applications share nothing.
    """
    if isinstance(source, Fixture):
        fixture, files = source, Files({})
    else:
        files = Files(source, overrides=overrides)
        fixture = files.read()
    prefixes, others = prefixes_of(fixture.settings.variant, api_prefixes)
    options = Options(
        prefixes=prefixes,
        others=others,
        admin_token=admin_token,
        allowed_hosts=frozenset(host.lower() for host in allowed_hosts),
        allowed_origins=frozenset(normal_origin(origin.rstrip("/")) for origin in allowed_origins),
    )
    worlds = Worlds(fixture, options)
    upstream = upstream_of(forward, paths=forward_paths, ca=forward_ca, insecure=forward_insecure)
    if files is not None:
        Reloader(worlds, files)
    Reloader(worlds, files)
    site = worlds.main
    app = web.Application()
    app[SITE], app[BUFFERED] = site, Buffered()

    async def let_go(_: web.Application) -> None:
        worlds.let_go()

    def mounted(path: str) -> None:
        worlds.mount = path

    app.on_shutdown.append(let_go)
    if upstream is not None:
        app[FORWARDING] = forwarding = Forwarding(upstream)
        app.on_shutdown.append(forwarding.let_go)
        app.on_cleanup.append(forwarding.close)
    served: dict[str, Handler] = {prefix: routed for prefix in prefixes}
    served |= {prefix: partial(routed, dialect_prefix=prefix) for prefix in others}
    for prefix, handler in served.items():
        for below in ("/tasks/instances", ""):
            if prefix + below:
                app.router.register_resource(ApiResource(prefix, below, partial(handler, site), mounted))
    app.router.add_get("/openapi.json", partial(served_document, site))
    app.router.add_get(f"{WORLD}/openapi.json", partial(in_world, site, served_document, only_looks=True))
    if admin:
        routes.add_routes(app, site)
    for prefix, handler in served.items():
        app.router.add_route("*", f"{WORLD}{prefix}/{{path:.*}}", partial(in_world, site, handler))
    app.router.add_route("*", f"{WORLD}/{{elsewhere:.*}}", partial(in_world, site, routed))
    rest = "path" if "" in prefixes else "elsewhere"
    app.router.add_route("*", f"/{{{rest}:.*}}", partial(routed, site))
    return app


def checked_prefix(prefix: str) -> str:
    """Raises ValueError. "/" and "" mean no prefix at all."""
    stem = prefix.rstrip("/")
    if stem and (not stem.startswith("/") or any(sign in stem for sign in "{}?#% ") or "//" in stem):
        raise ValueError(f"API prefix {prefix!r} is not a path such as /api/v2")
    if f"{stem}/".startswith(("/__admin/", "/w/")):
        raise ValueError(f"API prefix {prefix!r}: that path is the server's own")
    return stem


def prefixes_of(variant: Variant, given: Sequence[str] | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Those under which every world's API is, and those of other dialects. Raises ValueError for one that is none."""
    if given is not None:
        return tuple(dict.fromkeys(map(checked_prefix, given))), ()
    own = variant.row.prefix
    return (own,), tuple({one.prefix: None for one in DIALECTS.values() if one.prefix != own})


@lru_cache(maxsize=64)
def api_document(variant: Variant, prefixes: tuple[str, ...], auth: Auth) -> Json:
    """Not to be changed: who asks again gets the same one."""
    return openapi.document(variant, prefixes=prefixes, auth=auth, version=__version__, schemas=schema_files())


async def served_document(site: Site, request: web.Request) -> web.StreamResponse:
    site.worlds.settle()
    settings = site.served.world.settings
    base = request.path.removesuffix("/openapi.json")  # below another application it is not only the world's
    document = api_document(settings.variant, tuple(base + prefix for prefix in site.prefixes), settings.auth)
    response = web.json_response(document)
    if hdrs.ORIGIN in request.headers:
        cors.share(response.headers, request.headers[hdrs.ORIGIN])
    return response
