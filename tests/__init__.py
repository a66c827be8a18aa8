"""The tests; a package of its own, because some libraries install one of this name too."""
