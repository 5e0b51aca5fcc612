"""Takes over the configuration of a Node service that this one succeeds.

`installation` finds its files, `config_import` and `sites_import` read one each and say of every
line what becomes of it, `writing` puts down what they give. Used by `manage.py import_node` alone.
"""
