"""The control room: pages of the admin that show what happens now, and let people act on it.

Above `delivery` and `sites`: it asks the one for numbers and the other who may see them.
"""
