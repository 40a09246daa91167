"""The routes below `/api/v1`, one module for each thing they are about. Each has a `router`; `api.app` includes
them all.
"""
