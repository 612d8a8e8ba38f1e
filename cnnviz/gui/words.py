"""Digits in words, as several panels say them."""


def with_article(digit: int) -> str:
    """Return such as "a 7" or "an 8"."""
    return f"an {digit}" if digit == 8 else f"a {digit}"


def digits_text(count: int) -> str:
    """Return such as "1 digit" or "1,200 digits"."""
    return f"{count:,} digit" if count == 1 else f"{count:,} digits"
