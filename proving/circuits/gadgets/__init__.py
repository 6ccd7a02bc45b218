"""Tables and parts of tables that several circuits share."""
