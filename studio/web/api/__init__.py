"""The REST API, `/api/v1`: the pages' desk for programs. The same orders, the same batches, the same sentences."""
