"""What answers look like in the OpenAPI document: one type for each form that `api.shapes` and the routes make.

Routes name them as `response_model`. They return whole responses, so no answer is checked or slowed while it is made;
`tests/api/answer_schema.py` holds every answer that the tests receive against its type. A field that is `NotRequired`
is left out where it has no value.
"""
