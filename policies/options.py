"""Reads what `--policy-option key=value` says into a policy's own model of its options."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from kernelgym.errors import BadUsage, did_you_mean

Options = TypeVar("Options", bound=BaseModel)


def read_options(
    policy: str,
    kind: type[Options],
    given: Mapping[str, str],
    *,
    defaults: Mapping[str, str] | None = None,
    secret: Collection[str] = (),
) -> Options:
    """Returns the options that a command line gives.

    Args:
        policy: Name of the policy, for messages.
        kind: What its options are.
        given: From names to texts.
        defaults: Used for what is not given, before those of `kind`.
        secret: Options whose values no message may show.

    Raises:
        BadUsage: One is missing, unknown or has a value that can't be used.
    """
    known = kind.model_fields
    for name in given:
        if name not in known:
            remedy = did_you_mean(name, known) or f"it has {', '.join(known)}"
            raise BadUsage(f"the policy `{policy}` has no option `{name}`; {remedy}")
    for name, field in known.items():
        if field.is_required() and name not in given:
            raise BadUsage(f"the policy `{policy}` needs the option `{name}`; add --policy-option {name}=VALUE")
    try:
        return kind.model_validate({**(defaults or {}), **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        reason = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            raise BadUsage(f"the options of the policy `{policy}` don't go together: {reason}") from None
        name = str(first["loc"][0])
        shown = "" if name in secret or name not in given else f" is {str(given[name])[:80]!r}"
        raise BadUsage(
            f"the option `{name}` of the policy `{policy}`{shown}: {reason[:1].lower()}{reason[1:]}"
        ) from None
