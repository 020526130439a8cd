"""Who may drive /__admin: not a web page that somebody visits, and with a token only who knows it.

A page cannot send a JSON content type to another origin without a preflight, which /__admin never grants.
"""

import logging
from hmac import compare_digest
from typing import Final

from aiohttp import hdrs, web

from mockserver.contract.errors import Unprocessable
from mockserver.redaction import shown_target
from mockserver.server.elsewhere.foreign import check_page, check_site
from mockserver.server.responses import header_safe
from mockserver.world.worlds import Options

log = logging.getLogger("mockserver")

CHALLENGE: Final[dict[str, str]] = {hdrs.WWW_AUTHENTICATE: 'Bearer realm="ocp-mockserver"'}
ADMIN: Final = "/__admin"


def check(options: Options, request: web.BaseRequest, *, is_public: bool = False) -> None:
    """Raises Unprocessable: 403 for a foreign Host or page, 401 for a token that is missing or wrong. Each is logged,
    with the flag that would let it in. What `is_public` is only not to be embedded in a foreign page."""
    try:
        if is_public:
            check_site(request, ADMIN)
        else:
            check_page(options, request, ADMIN)
            _check_token(options, request)
    except Unprocessable as error:
        path = header_safe(shown_target(request.raw_path))
        log.warning("%s %s: %s: %s", request.method, path, error.status, header_safe(error.message))
        raise


def _check_token(options: Options, request: web.BaseRequest) -> None:
    token = options.admin_token
    if token is not None:
        scheme, _, sent = request.headers.get(hdrs.AUTHORIZATION, "").partition(" ")
        if scheme.lower() != "bearer" or not compare_digest(
            sent.strip().encode("utf-8", "surrogateescape"), token.encode()
        ):
            raise Unprocessable(
                "/__admin wants Authorization: Bearer, with the --admin-token", status=401, headers=CHALLENGE
            )
