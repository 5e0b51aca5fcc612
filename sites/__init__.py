"""Who may send and who may listen: sites and their keys."""
