"""Whether the world knows who sends a request."""

from hmac import compare_digest
from typing import Final

from mockserver.contract.credentials import Sent
from mockserver.contract.errors import BAD_CREDENTIALS, NO_CREDENTIALS, ApiError
from mockserver.world.value import World

CHALLENGE: Final = {"WWW-Authenticate": 'Basic realm="OCP"'}


def authenticate(world: World, sent: Sent) -> None:
    """Raises ApiError (401). A world without users takes any credentials, if they are well formed."""
    if sent.wrong is not None:
        raise ApiError(BAD_CREDENTIALS, headers=CHALLENGE, problem=sent.wrong)
    if sent.password is None:
        if world.settings.auth == "basic":
            names = ", ".join(world.users)
            hint = (
                f"the fixture's users are {names}" if names else "the fixture names no users: any credentials will do"
            )
            raise ApiError(NO_CREDENTIALS, headers=CHALLENGE, hint=hint)
        return
    if not world.users:
        return
    user = world.users.get(sent.user)
    if user is None or not compare_digest(user.password.encode(), sent.password.encode()):
        problem = "Wrong user name or password"
        hint = (
            f"the fixture's users are {', '.join(world.users)}" if user is None else f"{sent.user} has another password"
        )
        raise ApiError(BAD_CREDENTIALS, headers=CHALLENGE, problem=problem, hint=hint)
