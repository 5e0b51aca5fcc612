"""Deploys releases over ssh, one process at a time, and goes back when one does not come up.

What `config/fabfile.py.example` imports; docs/deploying.md is its manual. In the order of
imports: `environments`, `source`, `interrupts`, `host`, `releases`, `migrations`, `processes`,
`steps`, `tasks`; `remote/` runs on the servers. Needs fabric and git, nothing of the service.
"""
