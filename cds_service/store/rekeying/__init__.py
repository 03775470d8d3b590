"""Write a whole store anew under other keys; nothing of the store imports it."""
