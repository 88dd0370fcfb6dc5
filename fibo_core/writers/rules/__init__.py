"""The rules of the offline writer, in the order they work.

Words: `lexicon` (the data) → `nouns` and `reading` → `scene` (what was understood) → `arrange` (places) and `compose`
(the prompt). Instructions: `steps` → `targets` (which objects) → `edits`, `object_edits`, `summary`, `mentions`.
Pictures: `seeing` (measures) → `picture` (words).
"""
