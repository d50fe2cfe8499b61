"""The little HTML that pages here are made of."""

import base64
import html
from collections.abc import Iterable, Sequence

_STYLE = """
body { font: 16px/1.5 sans-serif; max-width: 84em; margin: 2em auto; padding: 0 1em;
overflow-wrap: break-word } :lang(ko) { word-break: keep-all }
h1, h2, h3 { line-height: 1.2 } p, figcaption { max-width: 46em }
h2 { margin-top: 2em; padding-top: .3em; border-top: 1px solid #bbb }
figure { display: inline-block; vertical-align: top; margin: 0 1em 1em 0 }
img { max-width: 100%; height: auto } figcaption { color: #333 }
table, pre { display: block; overflow-x: auto } pre { font-size: .85em }
table { border-collapse: collapse }
th, td { padding: .2em .8em; text-align: left; border-bottom: 1px solid #ccc;
vertical-align: top }
.beside { display: grid; gap: 0 2em;
grid-template-columns: repeat(auto-fit, minmax(min(100%, 30em), 1fr)) }
.beside > * { min-width: 0 } aside { padding-left: 1em; border-left: .3em solid #bbb }
"""


def document(title: str, parts: Iterable[str]) -> str:
    """Returns a whole page: its title, and its parts, which are HTML already."""
    head = f'<meta charset="utf-8"><title>{html.escape(title)}</title>'
    # Or a phone shows the page of a desk, too small to be read.
    head += '<meta name="viewport" content="width=device-width">'
    # Or the browser asks the network for one.
    icon = '<link rel="icon" href="data:,">'
    body = "\n".join([f"<h1>{html.escape(title)}</h1>", *parts])
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head>{head}{icon}<style>{_STYLE}</style>'
        f"</head>\n<body>\n{body}\n</body></html>\n"
    )


def heading(words: str, level: int = 2, lang: str = "en") -> str:
    """Returns a heading."""
    return f'<h{level} lang="{lang}">{html.escape(words)}</h{level}>'


def paragraphs(words: str, lang: str = "en") -> str:
    """Returns text, a paragraph for each that an empty line ends."""
    return "\n".join(
        f'<p lang="{lang}">{html.escape(part)}</p>' for part in words.split("\n\n")
    )


def aside(parts: Iterable[str]) -> str:
    """Returns what is told of something else; its parts are HTML already."""
    return "<aside>\n" + "\n".join(parts) + "\n</aside>"


def preformatted(words: str) -> str:
    """Returns lines as they stand."""
    return f"<pre>{html.escape(words)}</pre>"


def beside(*columns: Iterable[str]) -> str:
    """Returns columns, below each other where they have no room; parts are HTML."""
    divs = ["<div>\n" + "\n".join(parts) + "\n</div>" for parts in columns]
    return '<div class="beside">\n' + "\n".join(divs) + "\n</div>"


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
