"""The service as the FastAPI design describes it: the peer that the benchmark is compared with."""
