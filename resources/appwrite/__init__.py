"""Reading Appwrite.

Gateway, failures, patience, columns, scan and sweep. Knows no business rule and writes no report.
"""
