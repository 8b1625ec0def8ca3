"""The figures as a table on the terminal, as a web page, and as pictures."""

from __future__ import annotations

import base64
import html
import math
from itertools import groupby

#: Columns of times beside the two that are compared.
OTHERS = (
    ("compiled", "torch.compile"),
    ("stock", "OneFlow as it ships"),
    ("limit", "oneDNN alone"),
)


def duration(seconds):
    """Return seconds as text, three figures and a unit."""
    for unit, factor in (("s", 1), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}" if seconds < 100 else f"{seconds:.0f} s"
    return f"{seconds * 1e6:.3g} µs"


def amount(figure, value):
    return f"{value:,.0f} MiB" if figure.startswith("peak") else duration(value)


def group_of(name):
    return name.split("/", 1)[0]


def short(name):
    return name.split("/", 1)[1]


def first_line(text):
    return text.strip().splitlines()[0][:90] if text.strip() else "failed"


def verdict(row):
    return {None: "", True: "met", False: "NOT MET"}[row["met"]]


def target_rows(data):
    """Return the rows of the table of what is to be reached."""
    for row in data["targets"]:
        wanted = "" if row["least"] is None else f"{row['least']:g}"
        if row["aim"]:
            wanted += f", aiming at {row['aim']:g}"
        value = "" if row["value"] is None else f"{row['value']:.2f}"
        remark = f"of {row['cases']}, least: {short(row['worst'])}" if row["worst"] else ""
        if row["failed"]:
            remark += f"; failed: {', '.join(map(short, row['failed']))}"
        yield row["work"], wanted, value, verdict(row), remark


def case_rows(data):
    """Return, by group, rows of name, PyTorch's time, ours, ratio, its quartiles, the others."""
    cases = sorted(data["cases"].items(), key=lambda item: _order(item[0]))
    for group, mine in groupby(cases, key=lambda item: group_of(item[0])):
        rows = []
        for name, kept in mine:
            said, errors = kept["summary"], kept.get("errors", {})

            def cell(side, said=said, errors=errors):
                if side in said:
                    return duration(said[side][0])
                return "failed" if side in errors else ""

            ratio = said.get("ratio")
            middle = f"{ratio[0]:.2f}" if ratio else ""
            spread = f"{ratio[1]:.2f} to {ratio[2]:.2f}" if ratio else ""
            if "mock" in errors:
                spread = first_line(errors["mock"])
            row = [short(name), cell("pytorch"), cell("mock"), middle, spread]
            rows.append(row + [cell(side) for side, _ in OTHERS])
        yield group, rows


def _order(name):
    groups = "models blocks half training growth one ops small".split()
    group = group_of(name).split(" ")[0]
    return groups.index(group) if group in groups else len(groups)


def limit_rows(data):
    for row in data["limits"]:
        ratio = row["ratio"]
        sides = [
            amount(row["figure"], row[side][0]) if row[side] else "" for side in ("pytorch", "mock")
        ]
        spread = f"{ratio[1]:.2f} to {ratio[2]:.2f}" if ratio else ""
        limit = "" if row["limit"] is None else f"{row['limit']:g}"
        name = f"{short(row['name'])}: {row['figure']}"
        yield [name, *sides, f"{ratio[0]:.2f}" if ratio else "", spread, limit, verdict(row)]
    for name, kept in data["processes"].items():
        for side, error in kept["errors"].items():
            yield [f"{short(name)} on {side}", "", "", "", first_line(error), "", "FAILED"]


def thread_rows(data):
    """Return rows of name, and how many times as quick two threads are as one, of each side."""
    alone = "one thread/"
    for name, kept in data["cases"].items():
        whole = data["cases"].get(name[len(alone) :]) if name.startswith(alone) else None
        if whole is None:
            continue
        one, two = kept["summary"], whole["summary"]
        yield [
            name[len(alone) :],
            *(
                f"{one[side][0] / two[side][0]:.2f}" if side in one and side in two else ""
                for side in ("pytorch", "mock")
            ),
            "",
        ]


CASES = ("", "PyTorch", "mock", "ratio", "quartiles", *(title for _, title in OTHERS))
THREADS = ("one thread's time over two's", "PyTorch", "mock", "")
PROCESSES = ("a process each", "PyTorch", "mock", "ours / PyTorch's", "quartiles", "at most", "")
TARGETS = ("PyTorch's time over ours", "at least", "reached", "", "")


def tables(data):
    """Return (title, headings, rows) of each table."""
    made = []
    for group, rows in case_rows(data):
        made.append((group, CASES, rows))
    for title, headings, rows in (
        ("threads", THREADS, thread_rows(data)),
        ("processes", PROCESSES, limit_rows(data)),
        ("targets", TARGETS, target_rows(data)),
    ):
        rows = [list(row) for row in rows]
        if rows:
            made.append((title, headings, rows))
    return made


def show(data):
    """Print the tables and the remarks."""
    from rich.console import Console
    from rich.table import Table

    for title, headings, rows in tables(data):
        used = [i for i, _ in enumerate(headings) if i < 3 or any(row[i] for row in rows)]
        table = Table(title=title, title_justify="left")
        for i in used:
            text = i == 0 or title == "targets" and i == 4
            table.add_column(headings[i], justify="left" if text else "right", no_wrap=not text)
        for row in rows:
            table.add_row(*(row[i] for i in used))
        width = Console(width=1000, height=25).measure(table).maximum
        console = Console(width=max(80, width), height=25)
        console.print(table, markup=False, highlight=False)
    about = data["machine"]
    print(f"{about['cpu']}, {about['cores']} cores, load {about['load']:.1f}, {about['when']}")
    for remark in data["remarks"]:
        print(remark)


# --- pictures ------------------------------------------------------------------------------------

PAPER, INK, FAINT = (255, 255, 255), (36, 41, 47), (208, 215, 222)
GOOD, FAIR, BAD = (45, 136, 96), (201, 148, 40), (190, 68, 58)
LEAST, MOST = 0.1, 10.0


def colour(ratio):
    return GOOD if ratio >= 0.995 else FAIR if ratio >= 0.6 else BAD


def chart(data, names, path, title):
    """Draw a bar for each case: how many times PyTorch's speed, on a logarithmic scale."""
    from PIL import Image, ImageDraw, ImageFont

    scale = 2  # for sharp screens
    row, left, width, top, bottom = 19, 330, 900, 62, 34
    rows = []
    for group, mine in groupby(sorted(names, key=_order), key=group_of):
        rows += [(group, None), *((short(name), data["cases"][name]) for name in mine)]
    image = Image.new("RGB", (width * scale, (top + row * len(rows) + bottom) * scale), PAPER)
    draw = ImageDraw.Draw(image)
    plain, small = ImageFont.load_default(12 * scale), ImageFont.load_default(10 * scale)
    large = ImageFont.load_default(15 * scale)

    def text(x, y, words, font=plain, fill=INK, anchor="lm"):
        draw.text((x * scale, y * scale), words, font=font, fill=fill, anchor=anchor)

    def place(ratio):
        share = math.log(min(max(ratio, LEAST), MOST) / LEAST) / math.log(MOST / LEAST)
        return left + share * (width - left - 60)

    def box(x0, y0, x1, y1, fill):
        draw.rectangle([round(v * scale) for v in (x0, y0, x1, y1)], fill=fill)

    text(16, 18, title, large)
    cpu = f"{data['machine']['cpu']}, {data.get('threads', 2)} threads"
    text(16, 38, f"{cpu}; a tick: OneFlow as it ships, a ring: torch.compile", small)
    end = top + row * len(rows)
    for mark in (0.1, 0.2, 0.5, 1, 2, 5, 10):
        x = place(mark)
        box(x - (0.8 if mark == 1 else 0.25), top, x + (0.8 if mark == 1 else 0.25), end, FAINT)
        text(x, end + 12, "PyTorch" if mark == 1 else f"{mark:g}x", small, anchor="mm")
    for index, (name, kept) in enumerate(rows):
        y = top + row * index + row / 2
        if kept is None:
            text(16, y, name, plain)
            continue
        text(left - 10, y, name[:52], small, anchor="rm")
        said = kept["summary"]
        if "ratio" not in said:
            text(place(LEAST) + 4, y, "failed" if "mock" in kept["errors"] else "", small, BAD)
            continue
        middle, low, high = said["ratio"]
        ends = sorted((place(1), place(middle)))
        box(ends[0], y - 6, ends[1], y + 6, colour(middle))
        box(place(low), y - 0.6, place(high), y + 0.6, INK)
        if middle >= 1:
            text(max(place(high), place(1)) + 6, y, f"{middle:.2f}", small)
        elif place(low) > left + 40:
            text(place(low) - 6, y, f"{middle:.2f}", small, anchor="rm")
        else:
            text(place(low) + 6, y, f"{middle:.2f}", small, PAPER)
        base = said["pytorch"][0]
        if "stock" in said:
            x = place(base / said["stock"][0])
            box(x - 1, y - 7, x + 1, y + 7, INK)
        if "compiled" in said:
            x = place(base / said["compiled"][0])
            ring = [round(v * scale) for v in (x - 4, y - 4, x + 4, y + 4)]
            draw.ellipse(ring, outline=INK, width=scale)
    image.quantize(64).save(path, optimize=True)


def pictures(data, path):
    """Draw the charts beside the JSON file and return their paths."""
    compared = [name for name, kept in data["cases"].items() if _shown(kept)]
    small = [name for name in compared if group_of(name) in ("ops", "small")]
    large = [name for name in compared if group_of(name) not in ("ops", "small")]
    made = []
    for names, ending, title in (
        (large, "", "Speed against PyTorch: models and blocks"),
        (small, "-operators", "Speed against PyTorch: operators"),
    ):
        if names:
            made.append(path.with_name(f"{path.stem}{ending}.png"))
            chart(data, names, made[-1], title)
    return made


def _shown(kept):
    return "ratio" in kept["summary"] or "mock" in kept["errors"]


# --- the web page --------------------------------------------------------------------------------

STYLE = """
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem;
  color: #24292f; background: #fff }
table { border-collapse: collapse; margin: .5rem 0 2rem; width: 100% }
th, td { padding: .15rem .6rem; text-align: right; border-bottom: 1px solid #d0d7de;
  white-space: nowrap }
th:first-child, td:first-child, td:last-child { text-align: left; white-space: normal }
td.good { color: #2d8860 } td.bad { color: #be443a } img { max-width: 100% }
@media (prefers-color-scheme: dark) { body { color: #e6edf3; background: #0d1117 }
  th, td { border-color: #30363d } }
"""


def page(data, images):
    """Return the whole web page, with the pictures in it."""
    about = data["machine"]
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>oneflow-mock against PyTorch</title><style>{STYLE}</style>",
        "<h1>oneflow-mock against PyTorch</h1>",
        f"<p>{html.escape(about['cpu'])}, {about['cores']} cores, Python {about['python']}, ",
        f"{about['when']}, revision {html.escape(data['revision'] or 'unknown')}, ",
        f"{data['rounds']} rounds. ",
        "A ratio is PyTorch's time over ours: above 1 we are quicker.</p>",
    ]
    parts += [f"<p>{html.escape(remark)}</p>" for remark in data["remarks"]]
    made = tables(data)
    for title, headings, rows in made[-1:] + made[:-1]:
        parts.append(f"<h2>{html.escape(title)}</h2><table><tr>")
        parts += [f"<th>{html.escape(heading)}" for heading in headings]
        for row in rows:
            parts.append("<tr>")
            for cell in row:
                kind = {"met": " class=good", "NOT MET": " class=bad", "failed": " class=bad"}
                parts.append(f"<td{kind.get(cell, '')}>{html.escape(cell)}")
        parts.append("</table>")
        if title == "targets":
            for image in images:
                coded = base64.b64encode(image.read_bytes()).decode()
                parts.append(f'<p><img src="data:image/png;base64,{coded}" alt="{image.stem}">')
    return "\n".join(parts) + "\n"


def write(data, path):
    """Write the pictures and the web page beside the JSON file; return all the paths."""
    images = pictures(data, path)
    beside = path.with_suffix(".html")
    beside.write_text(page(data, images), encoding="utf-8")
    return [path, beside, *images]
