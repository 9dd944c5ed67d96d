"""A locked parcel for internal files on their way: AES-256 in a ZIP that 7-Zip, WinZip and PeaZip open with a password.

What can be read without the password: how many files there are, their names and their sizes; nothing else, since folders
are taken off and dates and permissions are the same for all. Every file is salted anew, so a parcel is the only output
of this package that is not the same twice.
"""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Mapping
from io import BytesIO
from typing import Any

from tensionmap.errors import ReleaseError

REQUIREMENT = "pyzipper>=0.4"

# ZIP programs derive the key in 1000 rounds, which is quick to guess against: the password itself must carry the strength.
MIN_LENGTH = 12
MIN_DIGITS = 16
MIN_DIFFERENT = 5
# 7-Zip takes no longer one.
MAX_LENGTH = 99
GUESSED_FIRST = ("password", "parol", "qwerty", "tensionmap")

# For reading aloud and copying by hand: no letter that looks like a figure or another letter (i l o q h v), none that
# is heard as another (c w x y).
CONSONANTS = "bdfgjkmnprstz"
VOWELS = "aeu"
WORDS = 6
ENTROPY_BITS = math.floor(WORDS * (3 * math.log2(len(CONSONANTS)) + 2 * math.log2(len(VOWELS))))


def require_installed() -> None:
    """Pass if parcels can be made here.

    Raises
    ------
    ReleaseError
        If the optional package is not installed; the message holds the command that installs it.
    """
    _pyzipper()


def lock(files: Mapping[str, bytes], password: str) -> bytes:
    """A ZIP of ``files``, each encrypted with AES-256 under ``password``.

    Parameters
    ----------
    files
        Name -> content. Folders before a name are taken off.
    password
        One that passes ``require_strong``.

    Returns
    -------
    bytes
        The ZIP, never the same twice: salts are drawn anew. Members are in the order of their names, dated 1980-01-01.

    Raises
    ------
    ReleaseError
        If there are no files, two have the same name, or the optional package is not installed.

    Notes
    -----
    WinZip's scheme AE-2: AES in counter mode and HMAC-SHA1. AE-1 is not used, since its checksum tells what is in a small file.
    """
    pyzipper = _pyzipper()
    members = _without_folders(files)
    parcel = BytesIO()
    with pyzipper.AESZipFile(parcel, "w") as archive:
        archive.setpassword(password.encode("utf-8"))
        archive.setencryption(pyzipper.WZ_AES, nbits=256, force_wz_aes_version=pyzipper.zipfile_aes.WZ_AES_V2)
        for name, content in sorted(members.items()):
            entry = archive.zipinfo_cls(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = pyzipper.ZIP_DEFLATED
            # Else the parcel would tell on which system it was made.
            entry.create_system = 3
            entry.external_attr = 0o600 << 16
            archive.writestr(entry, content)
    return parcel.getvalue()


def require_opens(parcel: bytes, password: str, files: Mapping[str, bytes]) -> None:
    """Pass if ``parcel`` opens with ``password`` and holds exactly ``files``, byte for byte.

    Raises
    ------
    ReleaseError
        If it does not open, or holds anything else.
    """
    pyzipper = _pyzipper()
    try:
        with pyzipper.AESZipFile(BytesIO(parcel)) as archive:
            archive.setpassword(password.encode("utf-8"))
            found = {name: archive.read(name) for name in archive.namelist()}
    except Exception as error:
        # Damage shows as any of a dozen exceptions, depending on the byte that is hit.
        raise ReleaseError("The parcel does not open with this password, or is damaged. Make it again.") from error
    if found != _without_folders(files):
        raise ReleaseError("The parcel opens, but does not hold the same files as were put in. Make it again.")


def require_strong(password: str, *, study: str) -> None:
    """Pass if ``password`` is none that is guessed first, and can be typed into any ZIP program.

    Parameters
    ----------
    password
        What is to be tested; no message repeats it.
    study
        Name of the study: neither it nor a longer word of it may be part of the password.

    Raises
    ------
    ReleaseError
        With a sentence for everything that is wrong with it.
    """
    folded = password.casefold()
    letters = re.sub(r"[\W\d_]", "", folded)
    rules = (
        (len(password) < MIN_LENGTH, f"It has {len(password)} characters; at least {MIN_LENGTH} are needed."),
        (len(password) > MAX_LENGTH, f"It has {len(password)} characters; ZIP programs take at most {MAX_LENGTH}."),
        (
            not (password.isascii() and password.isprintable()),
            "It holds other letters than a-z, A-Z; ZIP programs differ in how they read those, so that it may not open.",
        ),
        (password != password.strip(), "It begins or ends with a space, which is lost when it is handed over on paper."),
        (
            password.isdigit() and len(password) < MIN_DIGITS,
            f"It is made of digits only; then at least {MIN_DIGITS} are needed.",
        ),
        (len(set(folded)) < MIN_DIFFERENT, f"It repeats the same few characters; at least {MIN_DIFFERENT} different are needed."),
        (any(word in folded for word in GUESSED_FIRST), "It holds a word that is guessed first, such as 'password'."),
        (any(word in letters for word in _words_of(study)), "It holds the name of the study, or a word of it."),
    )
    faults = [sentence for is_broken, sentence in rules if is_broken]
    if faults:
        raise ReleaseError.gather("This password is not used (--make-password makes a good one):", faults)


def make_password() -> str:
    """A passphrase of six random words that can be read aloud, of ``ENTROPY_BITS`` bits."""
    return "-".join(
        "".join(secrets.choice(kind) for kind in (CONSONANTS, VOWELS, CONSONANTS, VOWELS, CONSONANTS)) for _ in range(WORDS)
    )


def _words_of(study: str) -> set[str]:
    words = re.findall(r"[^\W\d_]+", study.casefold())
    whole = "".join(words)
    # A name of one or two letters is part of almost any password, and no help to who guesses.
    return {word for word in words if len(word) >= 4} | ({whole} if len(whole) >= 3 else set())


def _without_folders(files: Mapping[str, bytes]) -> dict[str, bytes]:
    if not files:
        raise ReleaseError("There is no file to lock.")
    members: dict[str, bytes] = {}
    for path, content in files.items():
        name = re.split(r"[/\\]", path)[-1]
        # On Windows one would overwrite the other when the parcel is opened.
        if name.casefold() in {known.casefold() for known in members}:
            raise ReleaseError(f"Two of the files are named {name!r}; folders are not kept. Rename one, or lock them apart.")
        members[name] = content
    return members


def _pyzipper() -> Any:
    try:
        import pyzipper
    except ImportError as error:
        raise ReleaseError(
            "Locking files needs a package that is not installed (the extra 'transport'). "
            f'Install it with: python -m pip install "{REQUIREMENT}"'
        ) from error
    return pyzipper
