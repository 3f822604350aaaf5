"""The known findings, one module a slice. `properties.findings` puts them together."""
