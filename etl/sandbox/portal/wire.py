"""What travels over the wire: PHP's reading of a request and PHP's writing of a reply.

Bitrix24 is a PHP program and its REST interface shows it: nested parameters in brackets, arrays that are
lists or maps depending on their keys, casts instead of type errors. Everything PHP-like lives here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from typing import Any
from urllib.parse import parse_qsl

Params = dict[
    str, Any
]  # the parameters of one request, decoded: nested maps and lists of text or JSON values


#: letters of a JSON text that PHP writes as escapes, beside everything that is not ASCII
ESCAPED = {"/": "\\/", "&": "\\u0026", "<": "\\u003C", ">": "\\u003E", "'": "\\u0027"}


MAX_INPUT_VARS = 1000  # PHP drops the variables of a form or a batch command beyond this number


class RestError(Exception):
    """A refusal: HTTP status, `error` (a word, a number or an empty text) and `error_description`."""

    def __init__(self, status: int, code: str | int, text: str = "") -> None:
        super().__init__(f"{status} {code} {text}")
        self.status = status
        self.code = code
        self.text = text

    def body(self) -> Params:
        """The refusal as a reply carries it."""
        return {"error": self.code, "error_description": self.text}


def old_error(text: str) -> RestError:
    """The refusal of an old `crm.*` method: status 400, empty code, prose (bitrix24 §10.3, 4)."""
    return RestError(400, "", text)


@dataclass(frozen=True)
class Page:
    """The result of a method; lists also carry the total and the offset of the next page."""

    result: Any
    total: int | None = None
    next: int | None = None


def decode_request(query: str, content_type: str, body: bytes) -> Params:
    """Parameters of one request: the query string with the body laid over it."""
    params = parse_query(query)
    params.update(_decode_body(content_type, body))
    return params


def _decode_body(content_type: str, body: bytes) -> Params:
    """JSON, a multipart form, or anything else as an urlencoded form (bitrix24 §10.3, 1)."""
    if not body:
        return {}
    kind, _, _ = content_type.partition(";")
    kind = kind.strip().lower()
    if kind == "application/json":
        return _decode_json(body)
    if kind == "multipart/form-data":
        return parse_pairs(_multipart_pairs(content_type, body))
    return parse_query(body.decode("utf-8", "replace"))


def _decode_json(body: bytes) -> Params:
    """Broken JSON counts as no parameters at all, without an error (bitrix24 §10.3, 2)."""
    try:
        value = json.loads(body, parse_float=str)  # text keeps 1234.10 as it was written
    except (ValueError, RecursionError):
        return {}
    return as_map(value)


def _multipart_pairs(content_type: str, body: bytes) -> list[tuple[str, str]]:
    """(name, text) of every part of a form; a part without a name is passed over."""
    head = b"Content-Type: " + content_type.encode() + b"\r\n\r\n"
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    pairs = []
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(content, bytes):
            pairs.append((name, content.decode("utf-8", "replace")))
    return pairs


def parse_query(query: str) -> Params:
    """PHP's parse_str: `filter[>ID]=5&select[]=ID` as nested maps and lists."""
    if not query:
        return {}
    pairs = parse_qsl(query, keep_blank_values=True)
    return parse_pairs(pairs[:MAX_INPUT_VARS])


def parse_pairs(pairs: Iterable[tuple[str, str]]) -> Params:
    """(bracketed name, text) pairs of a form as nested maps and lists."""
    root: Params = {}
    for name, value in pairs:
        path = _split_name(name)
        if path:
            _place(root, path, value)
    return {key: _listed(value) for key, value in root.items()}


def _split_name(name: str) -> list[str]:
    """`a[b][]` -> ["a", "b", ""]. An unclosed bracket becomes an underscore, as PHP does."""
    head, bracket, rest = name.partition("[")
    head = head.lstrip().replace(".", "_").replace(" ", "_")
    if not head:
        return []
    if not bracket:
        return [head]
    if "]" not in rest:
        return [f"{head}_{rest}"]
    path = [head]
    while "]" in rest:
        part, _, rest = rest.partition("]")
        path.append(part)
        if not rest.startswith("["):
            break
        rest = rest[1:]
    return path


def _place(node: Params, path: list[str], value: str) -> None:
    """Puts the value where the path leads; an empty name takes the next free number, as `a[]` does in PHP."""
    *parents, last = path
    for part in parents:
        child = node.get(part) if part else None
        if not isinstance(child, dict):
            child = {}
            node[part or _free_index(node)] = child
        node = child
    node[last or _free_index(node)] = value


def _free_index(node: Params) -> str:
    """The number that `a[]` takes: one more than the largest."""
    taken = [int(key) for key in node if key.isdigit()]
    return str(max(taken, default=-1) + 1)


def _listed(value: Any) -> Any:
    """Maps with the keys 0..n-1 are lists: PHP knows no difference."""
    if not isinstance(value, dict):
        return value
    items = {key: _listed(item) for key, item in value.items()}
    if is_list_like(items):
        return list(items.values())
    return items


def is_list_like(value: dict[Any, Any]) -> bool:
    """Whether PHP would write this map as a list: it is empty or its keys are 0..n-1 in this order."""
    return all(str(key) == str(index) for index, key in enumerate(value))


def php_shape(value: Any) -> Any:
    """A value as PHP's json_encode shows it: an empty map is `[]`, a map with keys 0..n-1 is a list.

    Every reply passes here whole, so only the containers inside are looked at (bitrix24 §10.3, 3).
    """
    if isinstance(value, dict):
        changed = {key: php_shape(item) for key, item in value.items() if item.__class__ in (dict, list)}
        shaped = {**value, **changed} if changed else value
        return list(shaped.values()) if is_list_like(shaped) else shaped
    if isinstance(value, list):
        return [php_shape(item) if item.__class__ in (dict, list) else item for item in value]
    return value


def encode(payload: Params) -> bytes:
    """JSON text with the escapes of the portal: non-ASCII, `/`, `&`, `<`, `>` and the apostrophe.

    >>> encode({"result": {"url": "a/b&c"}})
    b'{"result":{"url":"a\\\\/b\\\\u0026c"}}'
    """
    text = json.dumps(payload, separators=(",", ":"), default=str)
    for raw, escaped in ESCAPED.items():
        text = text.replace(raw, escaped)
    return text.encode("ascii")


def php_int(value: Any) -> int:
    """PHP's `(int)`: leading digits of a text, 1 for a non-empty array, 0 for everything else."""
    if isinstance(value, (dict, list)):
        return 1 if value else 0
    if isinstance(value, (bool, int)):
        return int(value)
    number = re.match(r"-?[0-9]+|\+*[0-9]+", str(value or "").strip())
    return int(number[0].lstrip("+")) if number else 0


def as_list(value: Any) -> list[Any]:
    """A list parameter in any of its spellings: list, map, or one bare value."""
    if value is None or value == "":
        return []
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) else [value]


def as_map(value: Any) -> Params:
    """A map parameter; a list (PHP's spelling of a map with keys 0..n-1) becomes that map again."""
    if isinstance(value, list):
        return {str(index): item for index, item in enumerate(value)}
    if isinstance(value, dict):
        return value
    return {}


def is_yes(value: Any) -> bool:
    """Whether the value says yes in one of PHP's or Bitrix24's spellings."""
    return value is True or str(value).upper() in ("Y", "1", "TRUE")
