"""The attention of a model on a text as one HTML file, and one head of it as a picture."""

import base64
import html
import io
import json
from collections.abc import Sequence

import numpy as np

from tfrecords_builder import html_page

# A weight is kept as a whole number of these: 0 to 65535, so within 8e-6 of the model's own.
_SCALE = 65535
_STYLE = """
.tools { display: flex; flex-wrap: wrap; gap: .75rem 1.25rem; align-items: end; margin: 1rem 0; }
.tools label { display: grid; gap: .2rem; font-size: .85rem; color: var(--soft); }
select { font: inherit; padding: .25rem .4rem; color: var(--text); background: var(--card);
  border: 1px solid var(--line); border-radius: .35rem; }
.tokens { display: flex; flex-wrap: wrap; gap: .3rem; margin: .4rem 0 1rem; }
.tokens button { font: inherit; font-family: ui-monospace, monospace; font-size: .9rem;
  padding: .1rem .3rem; border: 1px solid transparent; border-radius: .3rem; cursor: pointer;
  background: transparent; color: var(--text); }
.tokens button[aria-pressed=true] { border-color: var(--orange); font-weight: 700; }
.grid-of-heads { display: grid; gap: 4px; overflow-x: auto; padding-bottom: .5rem; }
.grid-of-heads canvas { width: 100%; min-width: 36px; aspect-ratio: 1; cursor: pointer;
  image-rendering: pixelated; border: 2px solid transparent; border-radius: 3px;
  background: var(--card); }
.grid-of-heads canvas[data-picked] { border-color: var(--orange); }
#map { width: 100%; max-width: 34rem; aspect-ratio: 1; image-rendering: pixelated;
  background: var(--card); }
"""
_BODY = """
<header><h1>{title}</h1><p class="soft">{said}</p></header>
<div class="tools"><label>Layer<select id="layer"></select></label>
<label>Head<select id="head"></select></label>
<label>Colours say<select id="way"><option value="from">what the picked token looks at</option>
<option value="to">what looks at the picked token</option></select></label></div>
<h2 id="title"></h2><p class="soft">Pick a token:</p><div class="tokens" id="tokens"></div>
<div class="columns"><div><h3>Highest weights</h3><table><tbody id="most"></tbody></table></div>
<div><h3>Rows look at columns (darkest: highest weight)</h3><canvas id="map"></canvas></div></div>
<h2>All layers and heads</h2>
<p class="soft">A row is a layer, a column a head. Pick one.</p>
<div class="grid-of-heads" id="grid"></div>
<script type="application/json" id="data">{data}</script><script>{script}</script>
"""
_SCRIPT = """
const data = JSON.parse(document.getElementById("data").textContent);
const bytes = Uint8Array.from(atob(data.weights), (c) => c.charCodeAt(0));
const weights = new Uint16Array(bytes.buffer), n = data.tokens.length;
const state = { layer: 0, head: 0, token: Math.min(1, n - 1), way: "from" };
const at = (layer, head, row, column) =>
  weights[((layer * data.heads + head) * n + row) * n + column] / data.scale;
const byId = (id) => document.getElementById(id);
const blue = getComputedStyle(document.documentElement).getPropertyValue("--blue").trim();
function draw(canvas, layer, head) {
  canvas.width = canvas.height = n;
  const context = canvas.getContext("2d");
  context.fillStyle = blue;
  let largest = 1e-9;
  for (let i = 0; i < n * n; i++) largest = Math.max(largest, at(layer, head, 0, i));
  for (let row = 0; row < n; row++) for (let column = 0; column < n; column++) {
    context.globalAlpha = Math.sqrt(at(layer, head, row, column) / largest);
    context.fillRect(column, row, 1, 1);
  }
}
function options(select, count, name) {
  for (let i = 0; i < count; i++) select.add(new Option(`${name} ${i + 1}`, i));
  select.onchange = () => { state[select.id] = Number(select.value); show(); };
}
options(byId("layer"), data.layers, "Layer"); options(byId("head"), data.heads, "Head");
byId("way").onchange = (event) => { state.way = event.target.value; show(); };
const grid = byId("grid");
grid.style.gridTemplateColumns = `repeat(${data.heads}, minmax(36px, 1fr))`;
for (let layer = 0; layer < data.layers; layer++) for (let head = 0; head < data.heads; head++) {
  const canvas = document.createElement("canvas");
  canvas.title = `Layer ${layer + 1}, head ${head + 1}`;
  canvas.onclick = () => { state.layer = layer; state.head = head; show(); };
  grid.append(canvas); draw(canvas, layer, head);
}
data.tokens.forEach((token, place) => {
  const button = document.createElement("button");
  button.textContent = token; button.onclick = () => { state.token = place; show(); };
  byId("tokens").append(button);
});
function show() {
  const { layer, head, token, way } = state;
  byId("layer").value = layer; byId("head").value = head;
  [...grid.children].forEach((canvas, i) =>
    canvas.toggleAttribute("data-picked", i === layer * data.heads + head));
  [...byId("tokens").children].forEach((button, place) => {
    const weight = way === "from" ? at(layer, head, token, place) : at(layer, head, place, token);
    const percent = Math.round(100 * Math.sqrt(weight));
    button.style.background = `color-mix(in srgb, ${blue} ${percent}%, transparent)`;
    button.title = `${button.textContent}: ${weight.toFixed(4)}`;
    button.setAttribute("aria-pressed", place === token);
  });
  const places = data.tokens.map((_, i) => i).sort((a, b) =>
    (way === "from" ? at(layer, head, token, b) - at(layer, head, token, a)
      : at(layer, head, b, token) - at(layer, head, a, token)));
  byId("most").replaceChildren(...places.slice(0, 10).map((place) => {
    const row = document.createElement("tr");
    const weight = way === "from" ? at(layer, head, token, place) : at(layer, head, place, token);
    for (const [text, kind] of [[data.tokens[place], ""], [weight.toFixed(4), "number"]]) {
      const cell = document.createElement("td");
      cell.textContent = text; cell.className = kind; row.append(cell);
    }
    return row;
  }));
  byId("title").textContent = `Layer ${layer + 1}, head ${head + 1}`;
  draw(byId("map"), layer, head);
}
show();
"""


def attention_page(title: str, tokens: Sequence[str], weights: np.ndarray) -> str:
    """The attention of all layers and heads as an HTML page that needs no other file.

    Args:
        title: heads the page; holds no text of the note.
        tokens: the wordpieces.
        weights: float array [layers, heads, length, length], rows look at columns.
    """
    layers, heads = weights.shape[:2]
    whole = np.rint(weights * _SCALE).astype("<u2")
    data = {
        "tokens": list(tokens),
        "layers": layers,
        "heads": heads,
        "scale": _SCALE,
        "weights": base64.b64encode(whole.tobytes()).decode("ascii"),
    }
    said = (
        f"{layers} layers, {heads} heads, {len(tokens)} wordpieces. This page holds the text that "
        "it was asked to show."
    )
    body = _BODY.format(title=html.escape(title), said=said, data=_json(data), script=_SCRIPT)
    return html_page.render(title, body, _STYLE)


def attention_picture(tokens: Sequence[str], weights: np.ndarray, layer: int, head: int) -> bytes:
    """One head as a PNG.

    Args:
        tokens: the wordpieces.
        weights: float array [layers, heads, length, length].
        layer, head: which, from 0.

    Raises:
        ImportError: matplotlib is not installed; names the extra.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        raise ImportError(
            "Expected matplotlib to draw a picture, received none. Install the extra: "
            "pip install clinicalbert_tf[report]."
        ) from None
    size = max(4.0, min(40.0, 0.22 * len(tokens) + 1.5))
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(weights[layer, head], cmap="Blues", vmin=0)
    # A dollar sign would begin a formula.
    names = [token.replace("$", r"\$") for token in tokens]
    axes.set_xticks(range(len(tokens)), names, rotation=90, fontsize=7)
    axes.set_yticks(range(len(tokens)), names, fontsize=7)
    axes.set_title(f"Layer {layer + 1}, head {head + 1}: rows look at columns")
    figure.colorbar(image, shrink=0.6)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=130)
    return buffer.getvalue()


def _json(value) -> str:
    # "</script>" in a note must not end the element.
    return json.dumps(value).replace("<", "\\u003c")
