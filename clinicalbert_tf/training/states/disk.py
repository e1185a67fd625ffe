"""Failures of writing: which of them may pass, so that a run should continue and try again."""

import errno

# A full disk or quota, a limit on a file's size, and what network file systems do for a while.
# All others (no permission, no such folder, read-only) wait for a person.
_MAY_PASS = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,
        errno.EIO,
        errno.ESTALE,
        errno.ETIMEDOUT,
        errno.EAGAIN,
    }
)


def may_pass(error: OSError) -> bool:
    """Whether the same write may succeed later without anyone changing the run."""
    return error.errno in _MAY_PASS
