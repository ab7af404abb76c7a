"""What bench/compare.py is made of: partners and workers at either end of a pipe, and builds."""
