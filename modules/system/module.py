from shared.module import Module

module = Module(description="How the service is doing: index, health, readiness.", prefix="")
