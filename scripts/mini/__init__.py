"""mini, the embedded model, from nothing: the renderer of its scenes, their captions, and the trainer.

Not part of the library: what the studio needs of mini (its words, its limits, its weights) is in `fibo_core`.
"""
