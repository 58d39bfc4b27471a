"""Every call of Pillow, and of what else reads pictures. Media is opened read-only, always."""
