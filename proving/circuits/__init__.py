"""The basic circuits beside `main_vm`: each proves the outputs of one type of request. Below, what circuits share."""
