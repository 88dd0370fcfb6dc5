"""The rules of the offline writer, in the order they work.

Words: `lexicon` (the data) → `nouns`, `reading` with `cast` → `scene` (what was understood) → `arrange` (places) and
`compose` (the prompt). Instructions: `steps` (what a verb asks for) → `edits`, which lays the scene that is read over a
`draft` of the prompt, with `object_edits` and `picture_edits`. Pictures: `picture` (colours and light, as a scene).
"""
