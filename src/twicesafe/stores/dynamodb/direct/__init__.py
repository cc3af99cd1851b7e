"""The connection that needs no AWS SDK: a socket, TLS, a signature, JSON.

An SDK costs a small Lambda function more than all else that protection does. What is asked of DynamoDB is little: one
host, one path, five operations. So, in the order in which a request meets them:

    endpoint · trust ─▶ credentials ─▶ exchange (signing) ─▶ sync | loops (http1) ─▶ exchange

endpoint, signing, http1 and exchange are pure, and written once; sync and loops connect, write, read and wait.
"""
