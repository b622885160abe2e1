"""What the shop's CRM and its chats knew of some customers before: enough for duplicates to be found and for values to differ.

By the user id of the cast: two pairs are one person in two scripts with one birthday; the CRM spells some names in its own way.
Birthdays are ISO dates; people and addresses are invented.
"""

from __future__ import annotations

# user id: what the CRM says
KNOWN: dict[str, dict[str, str]] = {
    "HK.37006160994851586": {"birthday": "1985-03-12", "address": "尖沙咀彌敦道12號", "company": "大文貿易有限公司"},  # 陳大文
    "HK.26692804898893719": {"birthday": "1985-03-12", "company": "大文貿易有限公司"},  # Chan Tai Man
    "TW.53822761906572990": {"birthday": "1992-04-09", "address": "台北市大安區忠孝東路四段100號"},  # 林怡君
    "TW.42249798488483609": {"birthday": "1992-04-09"},  # Lin Yi-Chun
    "JP.43115815540558851": {"birthday": "1993-06-14", "address": "東京都渋谷区神南1-2-3"},  # 佐藤 結衣
    "JP.72335855114012832": {"birthday": "1993-06-14", "address": "東京都渋谷区神南1-2-3"},  # サトウ ユイ
    "HK.24284663994480345": {"name": "CHEUNG Ka Ho Kelvin", "company": "Kelvin & Co."},  # 張家豪
    "JP.31793269542487865": {"name": "鈴木一朗"},  # 鈴木 一郎
    "SG.87705153922655052": {"name": "Tan Wei Ling (Ms)"},
    "HK.44645788006334677": {"birthday": "1992-07-30"},  # 黃詠詩
}

# People whom the CRM has by their e-mail address, and who may be some of those that write: name, address, country, what else it says.
BY_EMAIL: tuple[tuple[str, str, str, dict[str, str]], ...] = (
    ("Wong Wing Sze", "wingsze.wong@example.hk", "HK", {"birthday": "1992-07-30"}),
    ("チョウ ダイスケ", "daisuke.cho@example.jp", "JP", {"birthday": "1980-02-03"}),
    ("Chan Tai Man Peter", "taiman@example.hk", "HK", {"birthday": "1985-03-12", "company": "大文貿易有限公司"}),
)
