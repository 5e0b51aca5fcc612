{% autoescape off %}<?php
$message = ['rooms' => [{{ single.room }}], 'event' => 'update_store', 'args' => ['user', ['id' => 1]]];
$request = curl_init({{ single.url }});
curl_setopt_array($request, [
    CURLOPT_POST => true,
    CURLOPT_RETURNTRANSFER => true,
    CURLOPT_HTTPHEADER => [{{ single.authorization }}, 'Content-Type: application/json'],
    CURLOPT_POSTFIELDS => json_encode($message),
]);
echo curl_exec($request);
{% endautoescape %}
