"""The little HTML that pages here are made of."""

import base64
import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 76em; margin: 2em auto; padding: 0 1em }
h1, h2, h3 { line-height: 1.2 } h2 { margin-top: 2em; border-top: 1px solid #bbb }
figure, aside { display: inline-block; vertical-align: top; margin: 0 1em 1em 0 }
aside { width: 19em; padding: 0 1em; border-left: .3em solid #bbb }
img { max-width: 100%; height: auto } figcaption { color: #333; max-width: 46em }
table { border-collapse: collapse } th, td { padding: .2em .8em; text-align: left;
border-bottom: 1px solid #ccc; vertical-align: top } pre { white-space: pre-wrap }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """Returns a whole page: its title, and its parts, which are HTML already."""
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title>'
    # Or the browser asks the network for one.
    icon = '<link rel="icon" href="data:,">'
    body = "\n".join([f"<h1>{html.escape(title)}</h1>", *parts])
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}{icon}<style>{_STYLE}</style>'
        f"</head>\n<body>\n{body}\n</body></html>\n"
    )


def heading(words: str, level: int = 2) -> str:
    """Returns a heading."""
    return f"<h{level}>{html.escape(words)}</h{level}>"


def paragraphs(words: str, lang: str = "en") -> str:
    """Returns text, a paragraph for each that an empty line ends."""
    return "\n".join(
        f'<p lang="{lang}">{html.escape(part)}</p>' for part in words.split("\n\n")
    )


def aside(parts: Iterable[str]) -> str:
    """Returns what stands beside the pictures; its parts are HTML already."""
    return "<aside>\n" + "\n".join(parts) + "\n</aside>"


def table(rows: Sequence[Sequence[object]]) -> str:
    """Returns a table; the first row is its head."""
    kinds = ["th", *["td"] * (len(rows) - 1)]
    lines = [
        "<tr>" + "".join(f"<{x}>{html.escape(str(y))}</{x}>" for y in row) + "</tr>"
        for x, row in zip(kinds, rows, strict=True)
    ]
    return "<table>\n" + "\n".join(lines) + "\n</table>"


def picture(png: bytes, caption: str) -> str:
    """Returns a picture that is a part of the page itself."""
    data, words = base64.b64encode(png).decode(), html.escape(caption)
    return (
        f'<figure><img alt="{words}" src="data:image/png;base64,{data}">'
        f"<figcaption>{words}</figcaption></figure>"
    )
