"""Conversions of many models: one interface, on this machine or on a dask cluster.

work      what is converted, what is said of it, and the interface
local     processes of this machine
cluster   the side of a person who uses a dask cluster; worker: the side of its workers
parcel    a conversion as text, with its files by their hashes
shared_files, kept_files: these files at the shared address, and on a worker
"""
