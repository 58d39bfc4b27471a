"""What the open_clip embedder is made of: models and their names, weights, words, pixels, towers.

A CLIP model is two towers, one for pictures and one for words, whose vectors share a space. The
weights are fetched or taken in once (`weights`), turned into ONNX once by a child process
(`export`), and from then on nothing here imports torch unless it is asked to (`towers`).
"""
