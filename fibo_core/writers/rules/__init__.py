"""The rules of the offline writer, in the order they work.

Words: `lexicon` (the data) → `nouns`, `reading` with `meanings`, `cast` and `wording` → `scene` (what was understood) →
`arrange` (places) and `compose` (the prompt). Instructions: `instructions` → `step_reader` (with `step_words`,
`step_counts`) → `steps` → `draft` and `targets` (which objects) → `edits`, which hands each step to `picture_edits`,
`object_edits`, `staging`, `counting` or `lettering`; `summary` and `mentions` keep the short description true.
Pictures: `seeing` (measures) → `picture` (words).
"""
