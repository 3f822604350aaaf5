"""The values of a deployment file: addresses, prefixes, selectors, and the words for algorithms."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

Address = IPv4Address | IPv6Address
Range = tuple[int, int]  # first and last

IPV4_END = 2**32  # IPv4 addresses are the numbers below it, IPv6 addresses those from it on: one line for both
ADDRESSES: Range = (0, IPV4_END + 2**128 - 1)
PORT: Range = (0, 65535)
BYTE: Range = (0, 255)


def number_of(address: Address) -> int:
    """The address as a number on the line that both families share."""
    return int(address) + (IPV4_END if address.version == 6 else 0)


def address_of(number: int) -> Address:
    """The inverse of `number_of`."""
    return IPv4Address(number) if number < IPV4_END else IPv6Address(number - IPV4_END)


def _address(value: Any) -> Address:
    try:
        return ip_address(value if isinstance(value, str) else "")
    except ValueError:
        raise ValueError('no IP address; write one such as "192.0.2.1"') from None


def _network(value: Any) -> IPv4Network | IPv6Network:
    try:
        return ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        why = f" ({str(error).partition(' ')[2]})" if "host bits" in str(error) else ""
        raise ValueError(f'no prefix{why}; write one such as "192.0.2.0/24"') from None


def _addresses(value: Any) -> tuple[Range, ...]:
    """Selectors of addresses: an address, a prefix or FIRST-LAST, or a list of such."""
    return tuple(map(_address_range, _several(value)))


def _several(value: Any) -> list[Any]:
    if value == []:
        raise ValueError("nothing is selected; leave it out to select everything, or name something")
    return value if isinstance(value, list) else [value]


def _address_range(value: Any) -> Range:
    text = value if isinstance(value, str) else ""
    try:
        if "-" in text:
            first, last = (number_of(ip_address(part.strip())) for part in text.split("-"))
        else:
            net = ip_network(text)
            first, last = number_of(net[0]), number_of(net[-1])
    except ValueError:
        raise ValueError('no address, prefix or range; write "192.0.2.1", "192.0.2.0/24" or "192.0.2.1-192.0.2.9"') from None
    if first > last or (first < IPV4_END <= last):
        raise ValueError(f"the range {text} is empty or mixes IPv4 and IPv6; give first and last of one family")
    return first, last


def _numbers(most: int) -> BeforeValidator:
    """Selectors of numbers: a number, "FIRST-LAST", or a list of such."""
    def read(value: Any) -> tuple[Range, ...]:
        found = []
        for one in _several(value):
            parts = str(one).split("-") if isinstance(one, int | str) and not isinstance(one, bool) else []
            numbers = [int(part) for part in parts if part.strip().isascii() and part.strip().isdecimal()]
            if not 1 <= len(numbers) == len(parts) <= 2 or not numbers[0] <= numbers[-1] <= most:
                raise ValueError(f'{one!r} is no number from 0 to {most} and no range; write a number, "FIRST-LAST" or a list of such')
            found.append((numbers[0], numbers[-1]))
        return tuple(found)
    return BeforeValidator(read)


def _hold_time(seconds: int) -> int:
    if seconds in (1, 2):
        raise ValueError("RFC 4271 4.2 allows 0, or 3 s and more; give such a time")
    return seconds


IPAddress = Annotated[Address, BeforeValidator(_address)]
Prefix = Annotated[IPv4Network | IPv6Network, BeforeValidator(_network)]
Addresses = Annotated[tuple[Range, ...], BeforeValidator(_addresses)]
Ports = Annotated[tuple[Range, ...], _numbers(PORT[1])]
Bytes = Annotated[tuple[Range, ...], _numbers(BYTE[1])]
Positive = Annotated[int, Field(ge=1)]
PortNumber = Annotated[int, Field(ge=1, le=65535)]
AsNumber = Annotated[int, Field(ge=1, le=2**32 - 1)]
Mtu = Annotated[int, Field(ge=68, le=65535)]
HoldTime = Annotated[int, Field(ge=0, le=65535), AfterValidator(_hold_time)]

Protocol = Literal["esp", "ah"]
Encryption = Literal["null", "des-cbc", "3des-cbc", "aes-cbc", "aes-ctr"]
Authentication = Literal["null", "hmac-md5", "hmac-sha1", "hmac-sha2-256"]
Mode = Literal["transport", "tunnel"]
Keying = Literal["ike", "manual"]


def nearest(name: str, known: Iterable[str]) -> str:
    """What to write instead of a name that is none of the known ones."""
    known = list(known)
    near = get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"there are {', '.join(known)}" if known else "there are none"
