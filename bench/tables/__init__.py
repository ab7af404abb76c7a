"""Tables of docs/learning.md, a module for each kind."""
