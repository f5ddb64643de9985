"""Prints, as JSON, what pyarrow reads in Parquet files: python read_parquet.py FILE..."""
import json
import sys

import pyarrow.parquet

print(json.dumps([
    {"types": {field.name: str(field.type) for field in table.schema}, "rows": table.to_pylist()}
    for table in map(pyarrow.parquet.read_table, sys.argv[1:])
], default=lambda at: at.isoformat()))
