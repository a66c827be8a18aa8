"""Simulate customs clearance at land and air ports under traditional and smart-port (智慧口岸) procedures."""

__version__ = "0.1.0"
