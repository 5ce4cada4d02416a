"""Vocabularies of other libraries as `tokenizer.json`: SentencePiece's models and tiktoken's ranks. Without torch."""
