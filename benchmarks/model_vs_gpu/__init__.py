"""The hardware model against a real GPU: how well it orders kernels, how far its times are off, a fit of its constants.

Collecting needs a GPU (`subjects`, `collecting`); it keeps what each kernel was priced from, so that judging
(`metrics`, `judging`) and fitting (`fitting`) need nothing but the file.
"""
