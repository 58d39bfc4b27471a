"""Real HTTP servers with a model's manners and no model, for what talks to one."""
