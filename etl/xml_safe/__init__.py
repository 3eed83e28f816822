"""Untrusted XML, read in bounded memory and time.

`check` proves that a file is well formed to its end and within the limits before anything is done with it.
Bytes are read by us and fed to libxml2: it opens no file, loads no DTD, resolves no entity, unpacks no
gzip. Whatever the parser raises becomes Rejected; an OSError of the stream itself stays one. Settings and
limits: reference/reliability §2.3.
"""

from etl.xml_safe.encoding import CHUNK, Encoding, chunks, sniff
from etl.xml_safe.proof import MAX_RECORD, PARSER, Root, check, local, root
from etl.xml_safe.refusal import refused, refusing
from etl.xml_safe.repairs import repair

__all__ = [
    "CHUNK",
    "MAX_RECORD",
    "PARSER",
    "Encoding",
    "Root",
    "check",
    "chunks",
    "local",
    "refused",
    "refusing",
    "repair",
    "root",
    "sniff",
]
