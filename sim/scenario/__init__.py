"""The scenario language: what exists, in the field's words, with units."""
