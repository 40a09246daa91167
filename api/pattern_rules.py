"""What each pattern of a request's fields asks for, in words: nobody should have to read a regular expression.

Used by `api.error_answers`. A test looks that every pattern of the OpenAPI document stands here.
"""

from typing import Final

RULE_OF_PATTERN: Final = {
    r"^[A-Za-z0-9_-]{8,64}$": "must be an id of 8 to 64 letters, digits, - and _",
    r"^[A-Za-z0-9_-]{1,40}$": "must be at most 40 letters, digits, - and _",
    r"^sha256:[0-9a-f]{64}$": "must be sha256: and 64 hexadecimal digits in small letters",
    r"^[A-Za-z0-9_.-]*$": "must hold only letters, digits, dots, - and _",
    r"^[0-9A-Za-z]{1,20}$": "must be a number or 8 letters and digits, as the list shows it",
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "must be small letters and digits, in words joined by -",
    r"^[a-z0-9]+(-[a-z0-9]+)*$|^$": "must be small letters and digits, in words joined by -, or empty",
    r"^[^\x00-\x1f\x7f-\x9f]*$": "must be one line without control characters",
    r"^[^\x00-\x1f\x7f-\x9f]+$": "must be one line without control characters, and not empty",
    r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$": "must hold no control characters but line ends and tabs",
    r"^[^\x00]*$": "must hold no NUL character",
    r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$": "must be at most 40 letters, digits, dots, - and _, and begin with no sign",
    r"^[0-9]{1,5}\.[0-9]{1,5}\.[0-9]{1,5}$": "must be a version as 1.2.3",
    r"^(0|[1-9][0-9]{0,5})(\.(0|[1-9][0-9]{0,5})){2}$": "must be a version as 1.2.3",
    r"^[1-9][0-9]{0,17}\.[0-9]{1,4}$": "must be the address of an event as 12.0",
    r"^[A-Za-z0-9_-]+$": "must be base64 as URLs have it, without =",
    r"^(auto|([0-9]{1,4})x([0-9]{1,4}))$": "must be a size as 512x512, or auto",
    r"^(https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/[!-~]*)?)?$": "must be an address that begins with https://, or empty",
    r"^https?://[^\s\x00-\x1f]+$": "must be an address that begins with https:// or http://",
    r"^https://[^\s\x00-\x1f]+$": "must be an address that begins with https://",
    r"^(sha256:)?[0-9a-f]{64}$": "must be 64 hexadecimal digits in small letters, or sha256: and these",
    r"^[A-Za-z0-9][A-Za-z0-9._/:@-]*$": "must be the name of an image, as registry/name:tag",
    r"^[0-9a-f]{128}$": "must be 128 hexadecimal digits in small letters",
    r"^[0-9a-f]{64}$": "must be 64 hexadecimal digits in small letters",
    r"^([A-Z]{2})?$": "must be a country of two capital letters as DE, or empty",
}
UNKNOWN_RULE: Final = "must have another form; the API's document has the pattern"


def rule_of_pattern(pattern: str) -> str:
    return RULE_OF_PATTERN.get(pattern, UNKNOWN_RULE)
