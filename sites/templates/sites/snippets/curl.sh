{% autoescape off %}curl {{ shell.url }} \
  -H {{ shell.authorization }} \
  -H 'Content-Type: application/json' \
  -d {{ shell.body }}
{% endautoescape %}
