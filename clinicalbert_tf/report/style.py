"""The looks of a report: light and dark, wide and narrow."""

STYLE = """
:root { color-scheme: light dark; --text: #1d2733; --soft: #5b6777; --page: #ffffff;
  --card: #f6f8fa; --line: #e0e5ea; --blue: #2a6f97; --orange: #c2502c; --good: #1e6b44;
  --bad: #a63a1e; }
@media (prefers-color-scheme: dark) { :root { --text: #e4e9ee; --soft: #a3afbc; --page: #14191f;
  --card: #1c232b; --line: #323c47; --blue: #6db3da; --orange: #f0916d; --good: #74c79b;
  --bad: #f2937a; } }
* { box-sizing: border-box; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--text); background: var(--page);
  margin: 0 auto; max-width: 72rem; padding: 1.5rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .75rem; }
h3 { font-size: 1rem; margin: 0 0 .35rem; }
p { margin: .4rem 0; } .soft { color: var(--soft); }
.path, td, th[scope=row] { overflow-wrap: anywhere; } td.number { white-space: nowrap; }
.state { font-weight: 600; } .good { color: var(--good); } .bad { color: var(--bad); }
dl.figures { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr));
  gap: .75rem; margin: 1.25rem 0 0; }
dl.figures div { background: var(--card); border-radius: .5rem; padding: .6rem .8rem; }
dl.figures dt { color: var(--soft); font-size: .85rem; }
dl.figures dd { margin: 0; font-size: 1.25rem; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 25rem), 1fr));
  gap: 1.25rem; }
figure { margin: 0; background: var(--card); border-radius: .5rem; padding: .8rem .9rem;
  min-width: 0; }
figcaption { display: flex; flex-wrap: wrap; gap: 0 1rem; align-items: baseline; }
.legends { white-space: nowrap; }
.legend { color: var(--soft); font-size: .85rem; margin-right: 1rem; }
.legend::before { content: ""; display: inline-block; width: 1.1em; height: 3px;
  vertical-align: middle; margin-right: .4em; border-radius: 2px; background: var(--blue); }
.legend.evaluation::before { background: var(--orange); }
svg { display: block; width: 100%; height: auto; }
svg text { font: 12px system-ui, sans-serif; fill: var(--soft); }
.grid { stroke: var(--line); stroke-width: 1; }
.curve { fill: none; stroke-width: 1.8; stroke-linejoin: round; }
.curve.training { stroke: var(--blue); } .curve.evaluation { stroke: var(--orange); }
.band { opacity: .18; stroke: none; } .band.training, .mark.training { fill: var(--blue); }
.band.evaluation, .mark.evaluation { fill: var(--orange); }
details { margin-top: .4rem; } summary { cursor: pointer; color: var(--soft); font-size: .85rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
caption { text-align: left; font-weight: 600; padding: .2rem 0; }
th, td { text-align: left; vertical-align: top; padding: .22rem 1.25rem .22rem 0;
  border-bottom: 1px solid var(--line); font-weight: 400; }
thead th { color: var(--soft); }
th[scope=row] { color: var(--soft); min-width: 6.5rem; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; }
.columns { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 26rem), 1fr));
  gap: 0 2rem; align-items: start; }
@media (max-width: 34rem) { body { padding: 1rem .8rem 3rem; }
  svg text { font-size: 15px; } th, td { padding-right: .8rem; } }
footer { margin-top: 2rem; }
@media print { figure, dl.figures div { break-inside: avoid; } }
"""
