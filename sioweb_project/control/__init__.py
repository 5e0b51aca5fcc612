"""The control room: pages of the admin that need both the sites and their delivery."""
